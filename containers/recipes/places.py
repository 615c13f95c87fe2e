"""Where things lie in an image, and what a build hands in for its own time."""

#: All that the suite puts into an image.
HOME = "/opt/trigpoint"
#: The locked packages: a layer of its own, which a change of the code leaves as it is.
ENVIRONMENT = f"{HOME}/environment"
PYTHON = f"{ENVIRONMENT}/bin/python"
LOCK = f"{HOME}/requirements.txt"
#: What the image is: its name, its workload, the commit of the suite.
IDENTITY = f"{HOME}/image.json"
PACKAGES = f"{HOME}/packages.json"
#: In the stage that builds alone.
WHEELS = "/opt/wheels"

#: The machine's pip configuration is bound here while an image is built; it is in none of its
#: layers. Every base has this folder.
HANDED_IN = "/mnt"
PIP_CONFIGURATION = "pip.conf"
CERTIFICATES = "certificates.pem"
