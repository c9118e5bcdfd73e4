-- The operational database as a shop's application would hold it.
CREATE TABLE customers (
    customer_id       bigint PRIMARY KEY,
    first_purchase_on date NOT NULL,
    cohort            text NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL
);
CREATE INDEX customers_updated_at ON customers (updated_at);

CREATE TABLE orders (
    order_id    bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    ordered_on  date NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    amount      numeric(12, 2) NOT NULL CHECK (amount >= 0),
    status      text NOT NULL CHECK (status IN ('completed', 'free')),
    updated_at  timestamptz NOT NULL
);
CREATE INDEX orders_updated_at ON orders (updated_at);
CREATE INDEX orders_customer_id ON orders (customer_id);

-- The CDNOW purchase log, in the order of its file.
CREATE TEMPORARY TABLE purchases (
    order_id    bigint,
    customer_id bigint,
    ordered_on  date,
    quantity    integer,
    amount      numeric(12, 2)
) ON COMMIT DROP;
