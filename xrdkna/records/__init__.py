"""The nouns: frozen records, checked once at birth. No arithmetic but views."""
