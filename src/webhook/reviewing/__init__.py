"""Reviews that are asked for by events and by people: when they begin, who speaks, what is told when they are over."""
