"""The bundle: a folder of networks and the manifest that says what they are."""
