"""From a start to the minimum, and to the right one."""
