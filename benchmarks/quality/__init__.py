"""tsn-evaluate: how stable, sharp and close to style and content a styled video is."""
