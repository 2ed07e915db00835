"""Leader cockpit (领导驾驶舱): what the screens of leaders show together."""
