"""The city's IoT (物联网): devices, datastreams, observations, rules, alarms."""
