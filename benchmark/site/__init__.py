"""Static site of the leaderboards: pages of boards, methods, tasks and configurations."""
