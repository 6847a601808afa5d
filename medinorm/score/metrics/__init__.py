"""The metrics, one file each: what it computes, and what it says about itself.

The definitions are those of Metrics Reloaded and of MONAI. Only the policy for empty
masks differs: a structure that was missed gets the worst score and is never left out.

References:
    Maier-Hein, Reinke et al., "Metrics reloaded: recommendations for image analysis
    validation", Nature Methods 2024, doi:10.1038/s41592-023-02151-z.
"""
