"""From a user's images to a pre-trained network: the task, its scores, and the report."""
