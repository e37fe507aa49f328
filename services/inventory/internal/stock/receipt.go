package stock

import "github.com/google/uuid"

// Receipt is a delivery that was taken into stock, one document: it lets the same receipt
// come again without effect, and the stock forget it.
type Receipt struct {
	ID        string `json:"id"`
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// ReceiptID derives a receipt's id from the product and the request's Idempotency-Key.
func ReceiptID(productID, key string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("receipt/"+productID+"/"+key)).String()
}
