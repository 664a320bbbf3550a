//! Tests that see what the public interface hides.
