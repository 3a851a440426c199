"""What is searched numerically: functions with their derivatives, counted, measured and verified."""
