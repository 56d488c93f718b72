# gate with git and OpenSSH, for CI systems that run each step in a container:
#   docker build --tag gate . && docker run --rm --volume "$PWD:/repo" gate check
FROM python:3.13-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN pip install --no-cache-dir '/src[github,gitlab,gitea]' && rm -rf /src \
    # The repository is mounted, and belongs to whoever runs the container.
    && git config --system --add safe.directory /repo

WORKDIR /repo
ENTRYPOINT ["gate"]
