package catalogue

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/money"
)

func drafts() *rapid.Generator[Draft] {
	return rapid.Custom(func(t *rapid.T) Draft {
		return Draft{
			Name:        rapid.StringMatching(`[A-Za-zÄ-ü][A-Za-z0-9 ]{0,30}`).Draw(t, "name"),
			Description: rapid.StringMatching(`[a-z .\n]{0,60}`).Draw(t, "description"),
			Category:    rapid.StringMatching(`[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}`).Draw(t, "category"),
			Price:       money.Money{Amount: rapid.Int64Range(1, MaxPrice).Draw(t, "amount"), Currency: rapid.StringMatching(`[A-Z]{3}`).Draw(t, "currency")},
		}
	})
}

func changes() *rapid.Generator[Change] {
	return rapid.Custom(func(t *rapid.T) Change {
		draft := drafts().Draw(t, "draft")
		var c Change
		pick := rapid.Bool()
		if pick.Draw(t, "rename") {
			c.Name = &draft.Name
		}
		if pick.Draw(t, "describe") {
			c.Description = &draft.Description
		}
		if pick.Draw(t, "move") {
			c.Category = &draft.Category
		}
		if pick.Draw(t, "price") {
			c.Price = &draft.Price
		}
		if pick.Draw(t, "retire") {
			retired := pick.Draw(t, "retired")
			c.Retired = &retired
		}
		return c
	})
}

func TestChangesRaiseTheVersionExactlyWhenSomethingIsDifferent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := Create("id", drafts().Draw(t, "draft"))
		require.NoError(t, err)
		require.EqualValues(t, 1, p.Version)
		for _, change := range rapid.SliceOfN(changes(), 1, 8).Draw(t, "changes") {
			next, kind, err := p.Apply(change)
			require.NoError(t, err)
			same := next
			same.Version = p.Version
			require.Equal(t, same == p, kind == "")
			switch {
			case kind == "":
				require.Equal(t, p, next)
			case next.Retired && !p.Retired:
				require.Equal(t, Retired, kind)
				require.Equal(t, p.Version+1, next.Version)
			default:
				require.Equal(t, Changed, kind)
				require.Equal(t, p.Version+1, next.Version)
			}
			again, kind, err := next.Apply(change)
			require.NoError(t, err)
			require.Empty(t, kind, "the same change twice is one")
			require.Equal(t, next, again)
			p = next
		}
	})
}

func TestSnapshotTellsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := Create("id", drafts().Draw(t, "draft"))
		require.NoError(t, err)
		p, _, err = p.Apply(changes().Draw(t, "change"))
		require.NoError(t, err)
		require.Equal(t, p, p.Snapshot().Product())
	})
}

func TestEveryFlawIsNamed(t *testing.T) {
	good := Draft{Name: "Enamel mug", Category: "kitchen", Price: money.Money{Amount: 1450, Currency: "EUR"}}
	for name, test := range map[string]struct {
		spoil  func(*Draft)
		fields []string
	}{
		"nothing":              {func(*Draft) {}, nil},
		"blank name":           {func(d *Draft) { d.Name = " \t " }, []string{"name"}},
		"longest name":         {func(d *Draft) { d.Name = strings.Repeat("é", 200) }, nil},
		"long name":            {func(d *Draft) { d.Name = strings.Repeat("é", 201) }, []string{"name"}},
		"two lines of name":    {func(d *Draft) { d.Name = "a\nb" }, []string{"name"}},
		"longest description":  {func(d *Draft) { d.Description = strings.Repeat("é", 5000) }, nil},
		"long description":     {func(d *Draft) { d.Description = strings.Repeat("é", 5001) }, []string{"description"}},
		"no category":          {func(d *Draft) { d.Category = "" }, []string{"category"}},
		"capital category":     {func(d *Draft) { d.Category = "Kitchen" }, []string{"category"}},
		"category ends in -":   {func(d *Draft) { d.Category = "kitchen-" }, []string{"category"}},
		"longest category":     {func(d *Draft) { d.Category = strings.Repeat("a", 50) }, nil},
		"long category":        {func(d *Draft) { d.Category = strings.Repeat("a", 51) }, []string{"category"}},
		"free":                 {func(d *Draft) { d.Price.Amount = 0 }, []string{"price.amount"}},
		"negative price":       {func(d *Draft) { d.Price.Amount = -1 }, []string{"price.amount"}},
		"dearest":              {func(d *Draft) { d.Price.Amount = 100_000_000 }, nil},
		"too dear":             {func(d *Draft) { d.Price.Amount = 100_000_001 }, []string{"price.amount"}},
		"small currency":       {func(d *Draft) { d.Price.Currency = "eur" }, []string{"price.currency"}},
		"no price":             {func(d *Draft) { d.Price = money.Money{} }, []string{"price.amount", "price.currency"}},
		"everything at a time": {func(d *Draft) { *d = Draft{} }, []string{"name", "category", "price.amount", "price.currency"}},
	} {
		t.Run(name, func(t *testing.T) {
			draft := good
			test.spoil(&draft)
			_, err := Create("id", draft)
			product, created := Create("id", good)
			require.NoError(t, created)
			_, _, changed := product.Apply(Change{Name: &draft.Name, Description: &draft.Description, Category: &draft.Category, Price: &draft.Price})
			require.Equal(t, err, changed, "a change obeys the same rules")
			if test.fields == nil {
				require.NoError(t, err)
				return
			}
			var invalid *Invalid
			require.ErrorAs(t, err, &invalid)
			var fields []string
			for _, flaw := range invalid.Flaws {
				fields = append(fields, flaw.Field)
			}
			require.Equal(t, test.fields, fields)
		})
	}
}
