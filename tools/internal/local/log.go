package local

import (
	"os"
	"regexp"
	"strconv"
	"strings"
)

var fatalLine = regexp.MustCompile(`level=fatal msg=("(?:[^"\\]|\\.)*")`)

// Fatal is the last word of a sidecar, without the words that lead to it.
func Fatal(log string) string {
	text, err := os.ReadFile(log)
	if err != nil {
		return ""
	}
	lines := fatalLine.FindAllSubmatch(text, -1)
	if len(lines) == 0 {
		return ""
	}
	message, err := strconv.Unquote(string(lines[len(lines)-1][1]))
	if err != nil {
		return ""
	}
	const start = "initialization error occurred for "
	if at := strings.LastIndex(message, start); at >= 0 {
		message = message[at+len(start):]
	}
	return strings.Join(strings.Fields(message), " ")
}

// Tail is the end of a log, for an error message.
func Tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "(no log)"
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return path + ":\n  " + strings.Join(all[max(0, len(all)-lines):], "\n  ")
}
