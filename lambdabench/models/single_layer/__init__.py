"""One layer as it is measured: a map of one size; in training also the way back from a random gradient of its output to those of its
parameters and of the map, as inside a network, without a loss and an optimizer, whose time is not the layer's."""
