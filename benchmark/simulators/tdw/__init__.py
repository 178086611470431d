"""ThreeDWorld, the simulator of the paper: rendering by a Unity build in a separate process."""
