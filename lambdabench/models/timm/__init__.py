"""Any model that timm has, by timm's name. Weights are random: nothing is downloaded."""
