package shop

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"bailey/baileytest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
)

func newShop(srv *baileytest.Server) *Shop {
	return &Shop{Events: eventbridge.New(eventbridge.Options{
		BaseEndpoint: aws.String(srv.URL),
		Region:       srv.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
	})}
}

// The warehouse is told of an order, even if it is down for most of a day.
func TestWarehouseIsDown(t *testing.T) {
	srv := baileytest.New(t)
	warehouse := srv.API("warehouse")
	srv.Rule("orders", `{"source": ["shop"], "detail-type": ["Order Placed"]}`, warehouse.ARN("POST", "/orders"))

	back := srv.Now().Add(20 * time.Hour)
	warehouse.RespondFunc(func(r *baileytest.Request) baileytest.Response {
		if r.Time.Before(back) {
			return baileytest.Response{Status: http.StatusServiceUnavailable}
		}
		return baileytest.Response{Status: http.StatusCreated}
	})

	id, err := newShop(srv).Place(t.Context(), Order{ID: "o-1", Total: 12.5})
	if err != nil {
		t.Fatal(err)
	}
	srv.Advance(24 * time.Hour)

	delivery := srv.Wait(id)[0]
	if delivery.Status != baileytest.Delivered {
		t.Errorf("after a day the order is %s: %s", delivery.Status, delivery.Error)
	}
	for i, attempt := range delivery.Attempts {
		t.Logf("attempt %3d at %s: %d", i+1, attempt.Time.Format(time.TimeOnly), attempt.StatusCode)
	}

	requests := warehouse.Requests()
	var event struct{ Detail Order }
	if err := json.Unmarshal(requests[len(requests)-1].Body, &event); err != nil || event.Detail.ID != "o-1" {
		t.Errorf("the warehouse was told of %+v, %v", event.Detail, err)
	}
}
