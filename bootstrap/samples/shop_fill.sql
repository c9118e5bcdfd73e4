INSERT INTO customers
SELECT customer_id, min(ordered_on), to_char(min(ordered_on), 'YYYY-MM'),
       min(ordered_on)::timestamp AT TIME ZONE 'UTC', min(ordered_on)::timestamp AT TIME ZONE 'UTC'
FROM purchases GROUP BY customer_id;

INSERT INTO orders
SELECT order_id, customer_id, ordered_on, quantity, amount,
       CASE WHEN amount = 0 THEN 'free' ELSE 'completed' END,
       ordered_on::timestamp AT TIME ZONE 'UTC'
FROM purchases;

ANALYZE customers, orders;
