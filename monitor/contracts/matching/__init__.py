"""What an example and its matching rules ask of a request or a response, compiled to closures."""
