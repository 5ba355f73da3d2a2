"""The fakes of AWS held against what AWS was recorded to answer."""
