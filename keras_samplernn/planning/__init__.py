"""A folder of sounds into a spec: what lies there, the sample rate, the conditions, and sizes for this machine."""
