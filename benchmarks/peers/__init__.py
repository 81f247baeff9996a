"""Other ways to paint, each written anew from what its paper or README says, through the same encoder as ours.

They are here to be compared with, and are no part of the package. Where a description leaves a number open, or counts
on other weights, the module says what was chosen.
"""
