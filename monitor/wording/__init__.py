"""Every sentence that people read about judgements, contracts, ramps and mocks, made of codes and parameters."""
