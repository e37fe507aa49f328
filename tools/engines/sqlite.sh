#!/usr/bin/env bash
# SQLite: files, which the sidecars make. See engine.sh.
name=sqlite
. "$(dirname "${BASH_SOURCE[0]}")/engine.sh"

install() { :; }
prepare() { :; }
up() { :; }
release() { :; }
down() { :; }

keys() {
  local file
  command -v sqlite3 >/dev/null || debian sqlite3
  file=$(setting "$1" connectionString)
  file=${file%%\?*}
  case $file in /*) ;; *) file=$here/../../services/$1/$file ;; esac
  if [ -e "$file" ]; then
    sqlite3 -cmd '.timeout 2000' -separator $'\t' "$file" "SELECT substr(key, length('$1||') + 1), strftime('%s', expiration_time) FROM state
      WHERE substr(key, 1, length('$1||')) = '$1||' AND (expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)"
  fi
}

main "$@"
