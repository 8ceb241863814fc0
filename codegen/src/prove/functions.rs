//! What is known of the built-in functions: which never return NULL, and when. Everything that is not listed may.
