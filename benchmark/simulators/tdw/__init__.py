"""ThreeDWorld: the paper's simulator, a Unity build that a user starts or lets us start."""
