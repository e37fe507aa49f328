// Secrets creates the local secret store, .sidecart/secrets.json, and fills in what is missing.
// ADMIN_EMAIL and ADMIN_PASSWORD replace the administrator's when they are set. What the engines
// need, engines.json, is left empty until `make run` knows it: the default engines need nothing.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	if err := run(".sidecart", os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1)
	}
}

func run(dir string, getenv func(string) string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, "secrets.json")
	secrets, err := read(path)
	if err != nil {
		return err
	}
	fill(secrets, getenv)
	if err := write(path, secrets); err != nil {
		return err
	}
	path = filepath.Join(dir, "engines.json")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return write(path, map[string]string{})
}

func read(path string) (map[string]string, error) {
	secrets := map[string]string{}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return secrets, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &secrets); err != nil {
		return nil, fmt.Errorf("%s: %w (delete it to have a new one made)", path, err)
	}
	return secrets, nil
}

func fill(secrets map[string]string, getenv func(string) string) {
	fresh := map[string]func() string{
		"jwt-signing-key":        func() string { return base64.StdEncoding.EncodeToString(random(32)) },
		"payment-webhook-secret": func() string { return base64.StdEncoding.EncodeToString(random(32)) },
		"admin-email":            func() string { return "admin@sidecart.test" },
		"admin-password":         rand.Text,
	}
	for name, draw := range fresh {
		if secrets[name] == "" {
			secrets[name] = draw()
		}
	}
	for name, variable := range map[string]string{"admin-email": "ADMIN_EMAIL", "admin-password": "ADMIN_PASSWORD"} {
		if value := getenv(variable); value != "" {
			secrets[name] = value
		}
	}
}

func random(n int) []byte {
	key := make([]byte, n)
	rand.Read(key) // never fails: crypto/rand ends the program instead
	return key
}

// write replaces the file in one step: a sidecar that starts meanwhile reads the old one or the new.
func write(path string, secrets map[string]string) error {
	data, err := json.MarshalIndent(secrets, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "secrets-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(append(data, '\n')); err != nil {
		return errors.Join(err, temporary.Close())
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
