// Command gateway is the example project's Go part.
package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"go.uber.org/zap"
)

func main() {
	router := chi.NewRouter()
	router.Get("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(uuid.NewString())) })
	zap.L().Info("listening")
	_ = http.ListenAndServe("127.0.0.1:8080", router)
}
