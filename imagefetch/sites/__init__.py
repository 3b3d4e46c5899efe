"""What is known of single sites: one file a site, found without being named elsewhere."""
