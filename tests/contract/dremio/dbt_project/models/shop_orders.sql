{{ config(materialized='view') }}
select * from (values
    (1, 10, date '2024-01-01', 5.50),
    (2, 10, date '2024-01-02', 7.25),
    (3, 11, date '2024-01-02', 1.00)
    {% if var('later', false) %}
    , (3, 11, date '2024-01-02', 2.00)
    , (4, 12, date '2024-01-03', 9.99)
    {% endif %}
) as t (order_id, customer_id, ordered_on, amount)
{% if var('later', false) %} where not (order_id = 3 and amount = 1.00) {% endif %}
