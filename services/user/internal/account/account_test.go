package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/secret"
)

func TestRegistrationNamesTheFieldThatIsWrong(t *testing.T) {
	good := account.Registration{Email: "ada@example.com", Name: "Ada", Password: "12345678"}
	_, err := good.Check()
	require.NoError(t, err)

	for field, bad := range map[string][]account.Registration{
		"email": {
			{Email: "", Name: "Ada", Password: "12345678"},
			{Email: "ada", Name: "Ada", Password: "12345678"},
			{Email: "Ada <ada@example.com>", Name: "Ada", Password: "12345678"},
			{Email: "<ada@example.com>", Name: "Ada", Password: "12345678"},
			{Email: "ada@example.com\r\nBcc: eve@example.com", Name: "Ada", Password: "12345678"},
			{Email: strings.Repeat("a", 243) + "@example.com", Name: "Ada", Password: "12345678"},
		},
		"password": {
			{Email: "ada@example.com", Name: "Ada", Password: "1234567"},
			{Email: "ada@example.com", Name: "Ada", Password: secret.Text(strings.Repeat("x", 129))},
		},
		"name": {
			{Email: "ada@example.com", Name: " \t ", Password: "12345678"},
			{Email: "ada@example.com", Name: strings.Repeat("é", 101), Password: "12345678"},
			{Email: "ada@example.com", Name: "Ada\nBcc: eve@example.com", Password: "12345678"},
		},
	} {
		for _, registration := range bad {
			_, err := registration.Check()
			var invalid *account.InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, field, invalid.Field)
		}
	}
}

func TestLimitsThemselvesAreAccepted(t *testing.T) {
	for _, registration := range []account.Registration{
		{Email: strings.Repeat("a", 242) + "@example.com", Name: strings.Repeat("é", 100), Password: secret.Text(strings.Repeat("😀", 128))},
		{Email: " ada@example.com\n", Name: " Ada ", Password: "        "},
	} {
		checked, err := registration.Check()
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(registration.Email), checked.Email)
		require.Equal(t, strings.TrimSpace(registration.Name), checked.Name)
		require.Equal(t, registration.Password, checked.Password)
	}
}

func TestFingerprintIsOneForOneAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.StringMatching(`[a-z0-9.]{1,20}@[a-z]{1,10}\.com`).Draw(t, "a")
		b := rapid.StringMatching(`[a-z0-9.]{1,20}@[a-z]{1,10}\.com`).Draw(t, "b")
		require.Equal(t, account.Fingerprint(a), account.Fingerprint("  "+strings.ToUpper(a)+"\t"))
		require.Equal(t, a == b, account.Fingerprint(a) == account.Fingerprint(b))
		require.NotContains(t, account.Fingerprint(a), a)
	})
}
