"""Room 3: one `.pacha` folder. Its layout, its configuration, who may write it, and its life inside Git."""
