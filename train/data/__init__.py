"""What training sees: pictures, clips and the motion in them."""
