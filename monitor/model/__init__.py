"""The words everybody speaks. Nothing here touches the world."""
