# The image of the zekt-action: a Python, three locked libraries, and src/zekt_action. Nothing else of this project.
#
# BASE_IMAGE may be any image with python3 >= 3.11 and its venv module; a release pins it by digest.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
# Given with --build-arg where packages come from elsewhere; unset they do nothing, and the final image has none.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_NO_INDEX
# A folder of wheels beside this file, if there is one, spares the download (the pattern makes it optional).
COPY requirements/action.txt wheel[s] /build/
RUN python3 -m venv /opt/zekt \
 && /opt/zekt/bin/python -m pip install --no-cache-dir --no-compile --disable-pip-version-check --only-binary :all: \
      --require-hashes --find-links /build --requirement /build/action.txt \
 && /opt/zekt/bin/python -m pip uninstall --yes --quiet --disable-pip-version-check setuptools pip
COPY src/zekt_action /opt/zekt/source/zekt_action
# The compiled files name no time: a release sets every file's, which would make others stale, and compiled at each start.
# Python's own library is compiled, too: the official images carry it without, and to compile what a step needs of it took
# two thirds of every start. All of it stands in a tree of its own, so that nothing of the base is written over.
RUN /opt/zekt/bin/python -c 'import pathlib, sysconfig; \
      pathlib.Path(sysconfig.get_path("purelib"), "zekt.pth").write_text("/opt/zekt/source\n")' \
 && find /opt/zekt -name __pycache__ -type d -prune -exec rm -r {} + \
 && compile="/opt/zekt/bin/python -B -X pycache_prefix=/opt/zekt/compiled -m compileall -q --invalidation-mode unchecked-hash" \
 && $compile /opt/zekt/lib /opt/zekt/source \
 && $compile -x '/(test|idlelib|lib2to3|tkinter|turtledemo|ensurepip|site-packages|dist-packages)/' \
      "$(/opt/zekt/bin/python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

FROM ${BASE_IMAGE}
# A release adds version and revision, https://github.com/opencontainers/image-spec/blob/main/annotations.md
LABEL org.opencontainers.image.title="zekt-action" \
      org.opencontainers.image.description="Sends a JSON message from a GitHub workflow to a Zekt broker." \
      org.opencontainers.image.source="https://github.com/zekt-dev-org/zekt-action" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/zekt /opt/zekt
# -I: the working folder is the workspace, where a pull request may have put a json.py.
# There is no USER: GitHub requires root, https://docs.github.com/actions/reference/workflows-and-actions/dockerfile-support
# -B: what is not compiled yet is not worth writing down in a container that ends.
ENTRYPOINT ["/opt/zekt/bin/python", "-I", "-B", "-X", "pycache_prefix=/opt/zekt/compiled", "-m", "zekt_action"]
