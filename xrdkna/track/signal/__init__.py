"""What one scan says for each phase and reflection, given the static hardware."""
