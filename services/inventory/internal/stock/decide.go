package stock

import "slices"

// Decide answers the next step of a request and changes the view's stocks accordingly.
// Its products must have been read into the view, and its reservation or receipt after them.
func (v *View) Decide(r Request) Step {
	known, ok := v.reservations[r.OrderID]
	if !ok {
		known = Reservation{OrderID: r.OrderID, State: None}
	}
	if need := append(v.unread(r.Lines), v.unread(known.Lines)...); len(need) > 0 {
		return Step{Need: need}
	}
	switch r.Kind {
	case Reserve:
		return v.reserve(r, known)
	case Release:
		return v.release(r, known)
	case Settle:
		return v.settle(known)
	case Return:
		return v.giveBack(known)
	case Tidy:
		return v.tidy(r, known)
	case Receive:
		return v.receive(r)
	case Prune:
		return v.prune(r)
	}
	return Step{Result: Contradicted, Reason: "no such request: " + string(r.Kind)}
}

func (v *View) reserve(r Request, known Reservation) Step {
	switch known.State {
	case Held, Settled:
		// Sold or about to be: a duplicate that comes late holds nothing again.
		return Step{Result: IsReserved}
	case None:
		return v.promise(r)
	}
	v.drop(r.OrderID, r.Lines)
	return Step{Result: IsRefused, Short: known.Short}
}

func (v *View) promise(r Request) Step {
	made := Reservation{OrderID: r.OrderID, State: Held, Lines: r.Lines, ExpiresAt: r.ExpiresAt}
	for _, line := range r.Lines {
		e := v.stocks[line.ProductID]
		if e == nil || !e.covers(r.OrderID, line.Quantity) {
			made.State, made.Short = Refused, line.ProductID
			return v.refuse(r, made)
		}
		if _, own := e.Holds[r.OrderID]; !own && len(e.Holds) >= MaxHolds {
			return Step{Result: Unknown, Reason: "too many orders hold product " + line.ProductID}
		}
	}
	for _, line := range r.Lines {
		v.stocks[line.ProductID].hold(r.OrderID, line.Quantity, v.now)
	}
	return Step{Reservation: &made, Result: IsReserved}
}

// refuse: what an earlier try may have held is dropped once the refusal is durable, not
// before. The same order tried elsewhere could take that hold for its own and promise it.
func (v *View) refuse(r Request, refusal Reservation) Step {
	if v.holdsAny(r.OrderID, r.Lines) {
		return Step{Reservation: &refusal}
	}
	return Step{Reservation: &refusal, Result: IsRefused, Short: refusal.Short}
}

func (v *View) release(r Request, known Reservation) Step {
	lines := slices.Concat(r.Lines, known.Lines)
	switch known.State {
	case Refused, Released:
		v.drop(r.OrderID, lines)
		return Step{Result: IsReleased}
	case None:
		// The tombstone: a reservation that is under way or comes later must not succeed.
		known.Lines = r.Lines
	case Held:
	default:
		return Step{Result: Contradicted, Reason: "release of an order that is " + string(known.State)}
	}
	known.State = Released
	if v.holdsAny(r.OrderID, lines) {
		return Step{Reservation: &known}
	}
	return Step{Reservation: &known, Result: IsReleased}
}

func (v *View) settle(known Reservation) Step {
	switch known.State {
	case Held:
		v.sell(known)
		known.State = Settled
		return Step{Reservation: &known, Result: IsSettled}
	case Settled, Returning, Returned:
		return Step{Result: IsSettled}
	}
	return Step{Result: Contradicted, Reason: "settlement of an order whose reservation is " + string(known.State)}
}

func (v *View) sell(known Reservation) {
	for _, line := range known.Lines {
		if e := v.stocks[line.ProductID]; e != nil {
			e.sell(known.OrderID)
		}
	}
}

// giveBack: an order whose confirmation was not heard of yet is sold first, so that the books show both.
func (v *View) giveBack(known Reservation) Step {
	switch known.State {
	case Held, Settled:
		v.sell(known)
		known.State = Returning
		return Step{Reservation: &known}
	case Returning:
		for _, line := range known.Lines {
			if e := v.stocks[line.ProductID]; e != nil {
				e.takeBack(known.OrderID, line.Quantity)
			}
		}
		known.State = Returned
		return Step{Reservation: &known, Result: IsReturned}
	case Returned:
		return Step{Result: IsReturned}
	}
	return Step{Result: Contradicted, Reason: "return of an order whose reservation is " + string(known.State)}
}

// tidy: a hold that is left when nothing is promised any more came from a reservation that
// lost a race or died; the mark of a return has served when the reservation says Returned.
func (v *View) tidy(r Request, known Reservation) Step {
	if !known.State.promised() {
		v.drop(r.OrderID, r.Lines)
	}
	if known.State == Returned {
		for _, line := range r.Lines {
			if e := v.stocks[line.ProductID]; e != nil {
				if _, ok := e.Returns[r.OrderID]; ok {
					delete(e.Returns, r.OrderID)
					e.changed = true
				}
			}
		}
	}
	return Step{Result: IsTidy}
}

func (v *View) receive(r Request) Step {
	if len(r.Lines) != 1 {
		return Step{Result: Contradicted, Reason: "a receipt has one line"}
	}
	line := r.Lines[0]
	if done, ok := v.receipts[r.ReceiptID]; ok {
		return received(done.Quantity == line.Quantity)
	}
	e := v.stocks[line.ProductID]
	if e == nil {
		return Step{Result: NoStock}
	}
	if quantity, ok := e.Receipts[r.ReceiptID]; ok && quantity != line.Quantity {
		return received(false)
	}
	e.receive(r.ReceiptID, line.Quantity)
	return Step{Receipt: &Receipt{ID: r.ReceiptID, ProductID: line.ProductID, Quantity: line.Quantity}, Result: IsReceived}
}

func received(same bool) Step {
	if same {
		return Step{Result: IsReceived}
	}
	return Step{Result: Reused}
}

// prune completes a receipt that died between its two writes, and then forgets its mark.
func (v *View) prune(r Request) Step {
	for _, line := range r.Lines {
		e := v.stocks[line.ProductID]
		if e == nil {
			continue
		}
		quantity, marked := e.Receipts[r.ReceiptID]
		if !marked {
			continue
		}
		if _, ok := v.receipts[r.ReceiptID]; !ok {
			return Step{Receipt: &Receipt{ID: r.ReceiptID, ProductID: line.ProductID, Quantity: quantity}}
		}
		delete(e.Receipts, r.ReceiptID)
		e.changed = true
	}
	return Step{Result: IsTidy}
}
