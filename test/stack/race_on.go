//go:build race

package stack

// race tells whether this program was built with -race; the services are then built the same way.
const race = true
