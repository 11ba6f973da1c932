"""Who can load whose bundles: each supported environment packs small models, and each other one loads them."""
