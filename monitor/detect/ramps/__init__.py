"""What several live versions of a service have shown of each other, as numbers with bounds."""
