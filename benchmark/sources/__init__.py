"""Sources of pre-training images: generators, collections of real images, and users' data sets."""
