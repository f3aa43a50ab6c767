"""Light CNN-29: identity features of faces (Wu, He, Sun and Tan, IEEE TIFS 2018)."""
