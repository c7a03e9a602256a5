"""The data of training: pictures, clips and the motion in them."""
