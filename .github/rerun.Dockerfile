# t2sbench without tables and records: an entry's code finds no judged rewards in this image.
FROM python:3.13-slim
COPY . /src
RUN find /src/benchmark/rewards/tables /src/leaderboards -type f -delete \
    && pip install --no-cache-dir '/src[search]' \
    && rm -r /src
USER nobody
WORKDIR /tmp
ENV HOME=/tmp
ENTRYPOINT ["t2sbench"]
