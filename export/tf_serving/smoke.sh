#!/usr/bin/env bash
# Starts the official image on a folder of `zoo export --serving`, asks it through both clients, sends
# it 200 good and hostile requests at once, and stops it.
#
#     smoke.sh MODELS MODEL OPTIONS...      OPTIONS: --file and --value of the clients
#     smoke.sh serving sc_fegan --file image=face.png --file mask=hole.png \
#         --file sketch= --file color= --value seed=0
#
# Needs docker, bash, and a Python with tensorflow-serving-api (PYTHON=...). The tests of this
# repository do not run it: they have no docker. Exit code 0 if all went well.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
models=$(cd "$1" && pwd) model=$2
shift 2
python=${PYTHON:-python3} port=${REST_PORT:-8501} grpc=${GRPC_PORT:-8500}
url=http://127.0.0.1:$port

container=$(docker run --detach --rm --read-only --tmpfs /tmp --cap-drop ALL \
    --memory "${MEMORY:-8g}" --volume "$models:/models:ro" \
    --publish "127.0.0.1:$grpc:8500" --publish "127.0.0.1:$port:8501" \
    --entrypoint tensorflow_model_server "${TF_SERVING_IMAGE:-tensorflow/serving:latest}" \
    --port=8500 --rest_api_port=8501 --model_config_file=/models/models.config \
    --rest_api_num_threads=4 --grpc_max_threads=4)
out=$(mktemp -d)
trap 'docker logs --tail 20 "$container" || true; docker stop "$container" >/dev/null; rm -rf "$out"' EXIT

for _ in $(seq 120); do
    "$python" -c "import urllib.request; urllib.request.urlopen('$url/v1/models/$model/metadata')" \
        2>/dev/null && break
    docker inspect "$container" >/dev/null  # it has ended if this fails
    sleep 1
done
"$python" "$here/../clients/rest_client.py" "$url" "$model" "$@" -o "$out/rest.png"
"$python" "$here/../clients/grpc_client.py" "127.0.0.1:$grpc" "$model" "$@" -o "$out/grpc.png"
cmp "$out/rest.png" "$out/grpc.png"
pid=$(docker inspect --format '{{.State.Pid}}' "$container")
[ -r "/proc/$pid/status" ] && memory=(--pid "$pid") || memory=()  # docker in a virtual machine
"$python" "$here/load.py" "$url" "$model" "$@" --rounds 3 "${memory[@]}"
echo "all went well"
