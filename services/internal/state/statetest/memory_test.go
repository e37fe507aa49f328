package statetest_test

import (
	"testing"

	"github.com/sidecart/sidecart/services/internal/state/statetest"
)

func TestMemory(t *testing.T) { statetest.Run(t, statetest.NewMemory()) }
