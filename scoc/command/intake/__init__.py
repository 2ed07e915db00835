"""Information access (信息接入): every signal from sensors, citizens and bureaus; duplicates; situations."""
