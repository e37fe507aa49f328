// Command notification tells customers what became of their orders: an inbox for each, and e-mail where a binding is configured.
package main

import (
	"context"
	"io"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/notification/internal/api"
	"github.com/sidecart/sidecart/services/notification/internal/mail"
	"github.com/sidecart/sidecart/services/notification/internal/message"
	"github.com/sidecart/sidecart/services/notification/internal/store"
)

func main() { serve.Main(run) }

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("notification", false, getenv, stdout)
	if err != nil {
		return err
	}
	docs := svc.Sidecar.Store("notification-state")
	verifier := auth.FromUser(svc.Sidecar)
	notes := store.NewNotes(docs)
	server := &api.Server{Notes: notes}
	server.Routes(svc.Router, verifier)
	subscribe.New(docs, svc.Log).Mount(svc.Router, verifier.Administrator, server.Topics()...)
	binding := mail.Binding{SDK: svc.Sidecar.SDK()}
	sender := &mail.Sender{
		Notes: notes, Outgoing: store.NewOutgoing(notes), Contacts: mail.Users{Sidecar: svc.Sidecar}, Mailer: binding, Log: svc.Log, Now: time.Now,
	}
	mails := false
	svc.OnStart(func(ctx context.Context) (err error) {
		if mails, err = binding.Exists(ctx); err != nil {
			return err
		}
		if mails {
			server.Use(message.Inbox, message.Email)
		} else {
			server.Use(message.Inbox)
		}
		svc.Log.InfoContext(ctx, "channels are known", "email", mails)
		return nil
	})
	svc.Every(2*time.Second, "e-mail", func(ctx context.Context) error {
		if !mails {
			return nil
		}
		return sender.Sweep(ctx)
	})
	return svc.Run(ctx)
}
