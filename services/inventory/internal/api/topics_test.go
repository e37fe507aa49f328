package api

import (
	"testing"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
)

func TestTopicsAreHeardAsTheContractSays(t *testing.T) {
	s := &Server{}
	for _, topic := range []subscribe.Topic{s.orders(), s.catalog()} {
		contracttest.Hears(t, "inventory", topic.Name, topic.Types, topic.Ignored)
	}
}
