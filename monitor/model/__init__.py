"""The words everybody speaks; see DESIGN 2. Nothing here touches the world."""
