"""The relay: deliveries in, notifications out."""
