"""The programs that build images: Apptainer from definitions, three others from Dockerfiles."""
